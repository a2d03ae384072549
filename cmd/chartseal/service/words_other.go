//go:build !windows

package service

const needsAdministrator = "this needs the administrator: give the command again with sudo in front; nothing was changed"
