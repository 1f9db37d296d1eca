"""What the Linux kernel offers for fencing a process: namespaces, mounts, seccomp, Landlock, capabilities."""
