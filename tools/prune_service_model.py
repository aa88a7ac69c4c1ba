#!/usr/bin/env python3
"""Prunes AWS's service models to what enid may ever serve, without their prose.

    tools/prune_service_model.py BOTOCORE_DATA_FOLDER VERSION

reads ec2/*/service-2.json, paginators-1.json and the same of sts from botocore's data folder (in
Debian: python3-botocore, usr/lib/python3/dist-packages/botocore/data) and writes
src/api/models/{ec2,sts}.json. All traits of shapes and members are kept; documentation goes, but
three facts that stand only there are taken out of it first and kept per operation:

  filters             the names that the `Filters` member lists ("tag:" stands for tag:<key>)
  maxResults          bounds of MaxResults, where the shape itself has none
  maxResultsOrIds     true when MaxResults and the list of ids exclude each other

The result has one operation or shape per line, so that a newer model shows as a readable diff.
"""
import gzip
import html
import json
import pathlib
import re
import sys

# Names of filters that EC2 takes, though the documentation of the operation does not list them.
# Observed: Terraform's data source aws_vpc filters by isDefault. Chosen: the types that support ENA
# Express can be asked for by the name of that member of the answer.
MORE_FILTERS = {"DescribeVpcs": ["isDefault"], "DescribeInstanceTypes": ["network-info.ena-srd-supported"]}

MODELS = pathlib.Path(__file__).resolve().parent.parent / "src/api/models"

# Actions kept beyond the allow-list: the networking and instance actions that enid grows into, so
# that adding one needs no new download. Whole words of the action's name.
FAMILIES = re.compile(
    r"^(Create|Delete|Describe|Modify|Reset|Attach|Detach|Assign|Unassign|Associate|Disassociate|Allocate|"
    r"Release|Authorize|Revoke|Update|Replace|Accept|Reject|Enable|Disable|Get|Run|Start|Stop|Reboot|"
    r"Terminate|Monitor|Unmonitor|Import|Move|Restore|Search)"
    r"(DefaultVpc|DefaultSubnet|Vpcs?|VpcAttribute|VpcTenancy|VpcCidrBlock|VpcPeeringConnections?|VpcPeeringConnectionOptions|"
    r"VpcEndpoints?|VpcEndpoint\w+|VpcClassicLink\w*|Subnets?|SubnetAttribute|SubnetCidrBlock|SubnetCidrReservations?|"
    r"DhcpOptions|SecurityGroups?\w*|StaleSecurityGroups|NetworkInterface\w*|PrivateIpAddresses|Ipv6Addresses|"
    r"PrivateNatGatewayAddress|NatGateways?|NatGatewayAddress|InternetGateways?|EgressOnlyInternetGateways?|"
    r"Addresses|Address|AddressesAttribute|AddressAttribute|RouteTables?|Route|RouteTableAssociation|"
    r"NetworkAcls?|NetworkAclEntry|NetworkAclAssociation|PrefixLists|ManagedPrefixLists?|ManagedPrefixList\w+|"
    r"FlowLogs|PlacementGroups?|LaunchTemplates?|LaunchTemplateVersions?|LaunchTemplateData|"
    r"TrafficMirror\w+|TransitGateways?|TransitGateway(Attachments?|RouteTables?|Route|Routes|VpcAttachments?|PeeringAttachments?)|"
    r"Instances|Instance|InstanceStatus|InstanceAttribute|InstanceCreditSpecifications?|InstanceMetadataOptions|"
    r"InstanceMaintenanceOptions|InstancePlacement|InstanceTypes|InstanceTypeOfferings|InstanceTopology|"
    r"InstanceNetworkPerformanceOptions|InstanceTypesFromInstanceRequirements|"
    r"ConsoleOutput|PrivateDnsNameOptions|IamInstanceProfile\w*|Images?|ImageAttribute|KeyPairs?|Tags|Volumes?|VolumeStatus|"
    r"Regions|AvailabilityZones|AccountAttributes|NetworkInsights\w+|ReachabilityAnalyzer\w+|CarrierGateways?|Hosts|HostReservations)$"
)


def text(documentation):
    return html.unescape(re.sub(r"<[^>]+>", "", documentation))


def filter_names(documentation):
    """The first <code> of each top-level list item."""
    names, depth, expect = [], 0, False
    for token in re.finditer(r"<ul>|</ul>|<li>|<code>(.*?)</code>", documentation):
        if token[0] == "<ul>":
            depth += 1
        elif token[0] == "</ul>":
            depth -= 1
        elif token[0] == "<li>":
            expect = depth == 1
        elif expect:
            name = html.unescape(token[1]).strip()
            # tag:<key> is written <code>tag</code>:&lt;key&gt;, <code>tag:&lt;key&gt;</code>, and in more ways.
            names.append("tag:" if re.fullmatch(r"tag\s*(:.*)?", name) else name)
            expect = False
    # "You can also use <code>cidr</code> or <code>cidrBlock</code> as the filter names."
    for others in re.findall(r"also use (.*?) as the filter name", documentation, re.DOTALL):
        names += re.findall(r"<code>(.*?)</code>", others)
    return sorted(set(names))


def documented_facts(shapes, request):
    facts = {}
    members = request.get("members", {})
    filters = members.get("Filters", members.get("Filter", {}))
    if filters:
        facts["filters"] = filter_names(filters.get("documentation", ""))
    max_results = members.get("MaxResults")
    if max_results:
        words = text(max_results.get("documentation", "")).replace(",", "")
        bounds = re.search(r"between (\d+) and (\d+)", words)
        if bounds and "max" not in shapes[max_results["shape"]]:
            facts["maxResults"] = [int(bounds[1]), int(bounds[2])]
        if re.search(r"[Yy]ou cannot specify this parameter and .* in the same (request|call)", words):
            facts["maxResultsOrIds"] = True
    return facts


def without_prose(value):
    if isinstance(value, dict):
        return {k: without_prose(v) for k, v in value.items() if k not in ("documentation", "deprecatedMessage")}
    if isinstance(value, list):
        return [without_prose(v) for v in value]
    return value


def reach(shapes, name, reached):
    if name in reached:
        return
    shape = reached[name] = shapes[name]
    for member in [*shape.get("members", {}).values(), *(shape[k] for k in ("member", "key", "value") if k in shape)]:
        reach(shapes, member["shape"], reached)


def load(folder, name):
    for path, read in ((folder / name, open), (folder / (name + ".gz"), gzip.open)):
        if path.exists():
            return json.load(read(path))
    return {}


def allow_list(service):
    lines = (MODELS / "supported.operations").read_text().splitlines()
    return {line.split()[1] for line in lines if line.split()[:1] == [service]}


def prune(service, data, version):
    folder = sorted((data / service).iterdir())[-1]
    model = load(folder, "service-2.json")
    paginators = load(folder, "paginators-1.json").get("pagination", {})
    wanted = allow_list(service)
    unknown = wanted - model["operations"].keys()
    if unknown:
        sys.exit(f"{service}: the model has no {sorted(unknown)}")
    operations, reached = {}, {}
    for name, operation in sorted(model["operations"].items()):
        if name not in wanted and not (service == "ec2" and FAMILIES.match(name)):
            continue
        row = {}
        for side in ("input", "output"):
            if side in operation:
                row[side] = operation[side]["shape"]
                reach(model["shapes"], row[side], reached)
        if operation.get("output", {}).get("resultWrapper"):
            row["resultWrapper"] = operation["output"]["resultWrapper"]
        if "input" in row:
            row |= documented_facts(model["shapes"], model["shapes"][row["input"]])
        if name in MORE_FILTERS:
            row["filters"] = sorted({*row["filters"], *MORE_FILTERS[name]})
        if name in paginators:
            row["paginator"] = paginators[name]
        operations[name] = row
    write(service, version, folder.name, model["metadata"], operations, reached)
    print(f"{service}: {len(operations)} of {len(model['operations'])} operations, {len(reached)} shapes")


def write(service, version, api_version, metadata, operations, shapes):
    def rows(table):
        return ",\n".join(f" {json.dumps(k)}: {json.dumps(without_prose(v))}" for k, v in sorted(table.items()))

    origin = {
        "source": f"botocore {version}, botocore/data/{service}/{api_version}/service-2.json and paginators-1.json",
        "copyright": "Amazon.com, Inc. or its affiliates",
        "licence": "Apache-2.0; see src/api/models/NOTICE",
        "changes": "pruned by tools/prune_service_model.py: fewer operations, no documentation",
    }
    (MODELS / f"{service}.json").write_text(
        "{\n"
        f'"origin": {json.dumps(origin, indent=1)},\n'
        f'"metadata": {json.dumps(metadata)},\n'
        f'"operations": {{\n{rows(operations)}\n}},\n'
        f'"shapes": {{\n{rows(shapes)}\n}}\n'
        "}\n"
    )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    for service_name in ("ec2", "sts"):
        prune(service_name, pathlib.Path(sys.argv[1]), sys.argv[2])
