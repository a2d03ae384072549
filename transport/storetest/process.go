package storetest

import (
	"errors"
	"os"
	"strconv"
	"strings"
)

// Announce writes the number of this process into a file, from which a test knows it: that
// in an exec.Cmd belongs to who starts the process, at any time.
func Announce(file string) error {
	return os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600)
}

// Announced returns the number in the file, or 0.
func Announced(file string) int {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	line, whole := strings.CutSuffix(string(b), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil || !whole {
		return 0
	}
	return pid
}

// Kill ends the process of that number without warning, as a crash would.
func Kill(pid int) error {
	if pid <= 0 {
		return errors.New("no process was announced")
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Kill()
}
