package main

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps a Ctrl+C at the terminal from the children: the daemon ends
// them in its own order.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
