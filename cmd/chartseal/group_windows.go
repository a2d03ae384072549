package main

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// ownGroup keeps a Ctrl+C at the terminal from the children, and without a console they
// neither end with its window nor when somebody logs off, of which every service's
// console is told: the daemon ends them in its own order.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.DETACHED_PROCESS}
}
