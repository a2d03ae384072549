package service

const needsAdministrator = "this needs an administrator: open the Start menu, type cmd, choose \"Run as administrator\", and give the command again; nothing was changed"
