package service

// hasList is false: whether a file has an access list (chmod(1), "ACL") is not looked
// at, so that an account which only such a list lets in is reported.
func hasList(string) bool { return false }

// remedy is how an account is let at a place.
func remedy(name, at string) string {
	return `Unless a list lets it in (ls -le): sudo chmod +a "` + name + ` allow read,execute,search" "` + at + `"`
}
