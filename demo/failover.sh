#!/bin/bash
# The failover story, through the AWS CLI: a service keeps its address when its instance dies,
# because the network interface that holds the address moves to a standby instance.
#
#   VPC 10.0.0.0/16, subnet 10.0.1.0/24
#     A 10.0.1.10  active    ── eth1: service-failover-eni 10.0.1.100 ──╮ moves
#     B 10.0.1.11  standby   ◀───────────────────────────────────────────╯
#     C 10.0.1.20  a client that asks http://10.0.1.100/ every few milliseconds
#
# Works on the running daemon (ENID_STATE names another one) and removes what it made. Exit
# status 0 only if the service came back on B with the same MAC and addresses.
set -euo pipefail
cd "$(dirname "$0")/.."

enid=${ENID_BINARY:-build/release/enid}
state=${ENID_STATE:-/var/lib/enid}
period_ms=5
as_root=()
if [ "$(id -u)" != 0 ]; then as_root=(sudo); fi
export AWS_PAGER=

vpc= subnet= group= eni= a= b= c= work=$(mktemp -d)

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
note() { printf '  %s\n' "$*"; }
fail() { printf '\nfailed: %s\n' "$*" >&2; exit 1; }
enid() { "${as_root[@]}" "$enid" "$@"; }
ec2() { enid aws --state "$state" ec2 "$@" --output text; }
inside() { local instance=$1; shift; enid exec --state "$state" -T "$instance" -- "$@"; }
milliseconds() { date +%s%3N; }

clean_up() {
  local status=$?
  set +e
  [ -z "${watcher:-}" ] || kill "$watcher" 2>/dev/null
  if [ -n "$a$b$c" ]; then
    say 'Cleaning up'
    ec2 terminate-instances --instance-ids $a $b $c >/dev/null
    for _ in $(seq 50); do
      [ -z "$(ec2 describe-instances --instance-ids $a $b $c --query \
        'Reservations[].Instances[?State.Name!=`terminated`].InstanceId')" ] && break
    done
  fi
  [ -z "$eni" ] || ec2 delete-network-interface --network-interface-id "$eni" >/dev/null
  [ -z "$group" ] || ec2 delete-security-group --group-id "$group" >/dev/null
  [ -z "$subnet" ] || ec2 delete-subnet --subnet-id "$subnet" >/dev/null
  [ -z "$vpc" ] || ec2 delete-vpc --vpc-id "$vpc" >/dev/null
  rm -rf "$work"
  exit $status
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# A web server that answers with the name of its instance.
server='#!/bin/sh
mkdir -p /tmp/www
echo "$(hostname)" > /tmp/www/index.html
busybox httpd -p 80 -h /tmp/www
echo "web server is up on $(hostname)"'

run_instance() { # name address [user data]
  ec2 run-instances --image-id ami-0123456789abcdef0 --instance-type t3.small --subnet-id "$subnet" \
    --security-group-ids "$group" --private-ip-address "$2" --user-data "${3:-}" \
    --tag-specifications "ResourceType=instance,Tags=[{Key=Name,Value=$1}]" \
    --query 'Instances[0].InstanceId'
}

describe_eni() { # the facts that must not change
  ec2 describe-network-interfaces --network-interface-ids "$eni" --query \
    'NetworkInterfaces[0].[MacAddress,PrivateIpAddress,join(`,`,PrivateIpAddresses[].PrivateIpAddress),join(`,`,Groups[].GroupId)]'
}

await() { # what, wanted, command...
  local what=$1 wanted=$2
  shift 2
  for _ in $(seq 60); do
    if [ "$("$@")" = "$wanted" ]; then return 0; fi
  done
  fail "$what did not become $wanted"
}

say 'A VPC, a subnet, a security group'
vpc=$(ec2 create-vpc --cidr-block 10.0.0.0/16 --query Vpc.VpcId)
subnet=$(ec2 create-subnet --vpc-id "$vpc" --cidr-block 10.0.1.0/24 --query Subnet.SubnetId)
group=$(ec2 create-security-group --vpc-id "$vpc" --group-name failover-demo --description 'web from the VPC' \
  --query GroupId)
ec2 authorize-security-group-ingress --group-id "$group" --protocol tcp --port 80 --cidr 10.0.0.0/16 >/dev/null
note "$vpc  10.0.0.0/16"
note "$subnet  10.0.1.0/24"
note "$group  lets TCP port 80 in from the VPC"

say 'Three instances'
a=$(run_instance A 10.0.1.10 "$server")
b=$(run_instance B 10.0.1.11 "$server")
c=$(run_instance C 10.0.1.20)
instance_states() {
  ec2 describe-instances --instance-ids "$a" "$b" "$c" --query 'Reservations[].Instances[].State.Name' | xargs
}
await 'the instances' 'running running running' instance_states
note "A $a  10.0.1.10  active"
note "B $b  10.0.1.11  standby"
note "C $c  10.0.1.20  client"

say 'The interface that is the service: service-failover-eni, 10.0.1.100, on A as eth1'
eni=$(ec2 create-network-interface --subnet-id "$subnet" --private-ip-address 10.0.1.100 --groups "$group" \
  --description service-failover-eni --query NetworkInterface.NetworkInterfaceId)
attachment=$(ec2 attach-network-interface --network-interface-id "$eni" --instance-id "$a" --device-index 1 \
  --query AttachmentId)
before=$(describe_eni)
note "$eni  $before"

say "C asks http://10.0.1.100/ every $period_ms ms"
inside "$c" python3 -u - 10.0.1.100 $period_ms 100 90 <demo/watch_service.py >"$work/watch" &
watcher=$!
for _ in $(seq 200); do
  grep -q '"answers": "' "$work/watch" && break
  kill -0 $watcher 2>/dev/null || fail 'the client stopped asking'
  sleep 0.05
done
grep -q '"answers": "' "$work/watch" || fail 'nobody answers at 10.0.1.100'
note "answered by $(grep -o '"answers": "[^"]*"' "$work/watch" | head -n 1 | cut -d '"' -f 4), which is A"
sleep 1

say 'A dies'
died=$(milliseconds)
inside "$a" busybox poweroff -f >/dev/null 2>&1 || true
note 'its kernel stopped; nobody answers'

say 'The interface moves: detach, attach to B as eth1'
detach_at=$(milliseconds)
ec2 detach-network-interface --attachment-id "$attachment" --force >/dev/null
await 'the interface' available ec2 describe-network-interfaces --network-interface-ids "$eni" \
  --query 'NetworkInterfaces[0].Status'
attach_at=$(milliseconds)
ec2 attach-network-interface --network-interface-id "$eni" --instance-id "$b" --device-index 1 >/dev/null
attached_at=$(milliseconds)
wait $watcher || fail 'the client could not ask any more'
watcher=
after=$(describe_eni)

summary=$(tail -n 1 "$work/watch")
field() { printf '%s' "$summary" | /usr/bin/python3 -c "import json,sys; v=json.load(sys.stdin)['$1']; print(v if v is not None else '')"; }
[ "$(field taken_over)" = True ] || fail 'the service did not come back on B'
numbers=$(/usr/bin/python3 - "$(field outage_from)" "$(field outage_to)" "$died" "$detach_at" "$attach_at" "$attached_at" <<'PYTHON'
import sys
gone, back, died, detach, attach, attached = map(float, sys.argv[1:])
gone, back = gone * 1e3, back * 1e3
print(f"{back - gone:.0f} {gone - died:.0f} {detach - died:.0f} {attach - detach:.0f} {back - attach:.0f} {attached - attach:.0f}")
PYTHON
)
read -r outage _ to_detach detaching back_after_attach cli_attach <<<"$numbers"

say 'What happened'
note "requests of C          $(field asked) asked, $(field answered) answered"
note "answered before, after $(field first), $(field last)"
note "outage that C saw      $outage ms, of which"
note "  noticing             $to_detach ms  from A's death to the first command"
note "  detaching            $detaching ms  detach-network-interface, and asking until it is available"
note "  attaching            $back_after_attach ms  from the start of attach-network-interface to B's first answer"
note "                       (the AWS CLI itself ran $cli_attach ms for that one call)"
note "before  $before"
note "after   $after"
[ "$before" = "$after" ] || fail 'the interface changed on its way'
note 'same MAC, same addresses, same groups: C never learned that anything moved'
