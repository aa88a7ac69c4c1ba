"""A virtual machine's files: they outlive reboots, stops and power cuts, and go with the instance."""
import os
import unittest

from guest_machine import MachineTest, eventually

USER_DATA = "#!/bin/sh\necho ran >>/root/user_data_ran\nsync\n"


class Disk(MachineTest):
    @classmethod
    def in_guest(cls, command, **options):
        return super().in_guest(command, timeout=310, **options)

    def boots(self):
        return self.ec2.get_console_output(InstanceId=self.guest).get("Output", "").count("enid: booted")

    def stop_and_start(self, **how):
        self.ec2.stop_instances(InstanceIds=[self.guest], **how)
        eventually(lambda: self.net.state(self.guest) == "stopped", "the guest to stop", 120)
        self.assertNotEqual(self.daemon.run_inside(self.guest, "true").returncode, 0)
        self.ec2.start_instances(InstanceIds=[self.guest])
        eventually(lambda: self.net.state(self.guest) == "running", "the guest to start", 60)

    def test_files_stay_until_the_instance_is_terminated(self):
        self.launch(UserData=USER_DATA)
        folder = f"{self.daemon.state}/machines/{self.guest}"
        # Answers when the machine has booted, without being asked again and again.
        self.assertIn("/dev/vda on / type ext4", self.in_guest("mount"))
        self.assertLess(os.stat(f"{folder}/disk").st_blocks * 512, 200 << 20)
        eventually(lambda: "ran" in self.in_guest("cat /root/user_data_ran 2>/dev/null; true"), "user data", 120, 0.5)
        self.in_guest("echo kept >/root/note; hostname >/root/name")  # No sync: a clean way down does it.

        self.ec2.reboot_instances(InstanceIds=[self.guest])
        eventually(lambda: self.boots() == 2, "the second boot", 200, 0.5)
        self.assertEqual(self.in_guest("cat /root/note"), "kept\n")

        self.stop_and_start()
        self.assertEqual(self.in_guest("cat /root/note"), "kept\n")

        self.in_guest("echo synced >/root/second; sync; echo lost-or-not >/root/third")
        self.stop_and_start(Force=True)
        self.assertEqual(self.in_guest("cat /root/second"), "synced\n")
        self.in_guest("echo writable >/root/fourth")
        self.assertEqual(self.in_guest("hostname; cat /etc/hosts | grep -c 127.0.1.1"),
                         self.in_guest("cat /root/name; echo 1"))
        self.assertEqual(self.in_guest("cat /root/user_data_ran"), "ran\n", "once in the machine's life")

        self.ec2.terminate_instances(InstanceIds=[self.guest])
        eventually(lambda: self.net.state(self.guest) == "terminated", "the guest's end", 60)
        eventually(lambda: not os.path.exists(folder), "the disk to go", 20)


if __name__ == "__main__":
    unittest.main()
