package notice

// DriveLetter returns DRIVE-LETTER.pdf: what lies on the drive that the recipient
// brought, and how to open it with the page beside it or with the program age. It
// holds no passphrase. The error is a *LetterError.
func DriveLetter(d LetterData) ([]byte, error) {
	if d.File == "" {
		return nil, &LetterError{"it names no file"}
	}
	l := newLetter(d, "Drive letter", "Your records are on this drive")
	what := "dental records"
	if len(d.Contents) > 0 {
		what = plain(listing(d.Contents))
	}
	l.say("We copied " + what + " onto the drive, in one encrypted package of two files that belong together:")
	l.steps(
		plain(d.File)+" is the package itself.",
		plain(d.PageFile)+" is the page that opens it.",
	)
	l.heading("How to open it")
	l.steps(
		"Copy both files to a folder on your computer, and open "+plain(d.PageFile)+" in a current browser. Nothing has to be installed, and nothing goes over the internet.",
		"When the page asks for the file, choose "+plain(d.File)+".",
		d.unlockWords(),
		"Wait until the page says that everything was checked. Then look at the records, or save them.",
	)
	l.box(letterMargin, letterWidth, "Without the page", "The program age (age-encryption.org) opens the package, too:\nage -d -o records.zip "+d.ageKey()+plain(d.File))
	l.signer()
	return l.bytes()
}

func (d LetterData) ageKey() string {
	if !d.hasWords() {
		return "-i your-key-file "
	}
	return ""
}

func (d LetterData) hasWords() bool { return d.Words || d.Passphrase != "" }

// unlockWords say how the package opens, for whoever has a passphrase or a key.
func (d LetterData) unlockWords() string {
	if !d.hasWords() {
		return "Choose your key file, which holds the secret half of the public key you gave us, and press “Open my records”. No passphrase is needed."
	}
	return "Type the passphrase and press “Open my records”. The passphrase is six words and comes separately, by telephone or in a letter of its own. " +
		"If you do not have it, " + d.callUs() + " and give the reference above."
}
