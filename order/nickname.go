package order

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// nicknames are given names and what people called so are called as well, one group
// a line, in English and Spanish. Names that only share a nickname, as Daniel and
// Daniela could, stand in groups of their own. It is the practice of charts, not a standard; the
// beginning of a name counts without being listed (Alex, Dan, Sam).
var nicknames = groups(`
	abigail abby gail
	albert al bert
	alejandro alex ale
	alejandra alex ale
	alexander alex sandy xander
	alexandra alex sandy lexi
	alfred alfredo al fred freddie
	amanda mandy
	andrew andy drew
	ann anne anna annie
	anthony antonio tony
	arthur art
	barbara barb barbie babs
	benjamin ben benny
	beatrice beatriz bea trixie
	bernard bernie
	bradley brad
	bridget biddy
	calvin cal
	carolyn caroline carol carrie lyn
	catherine katherine kathryn katharine kate kathy cathy katie kat kitty kay
	charles carlos charlie chuck chaz
	christina christine cristina chris tina crissy
	christopher chris kit topher
	cynthia cindy
	daniel dan danny
	daniela dani
	david dave davey
	deborah debra deb debbie
	dennis denny
	donald don donnie
	dorothy dot dottie dolly
	edward eduardo ed eddie ted ned
	eleanor ellie nora nell
	elizabeth elisabeth liz lizzie beth betty betsy eliza libby bess lisa
	emily em emmy
	enrique henry harry hank kike
	eugene gene
	evelyn eve evie
	fernando fer nando
	fernanda fer
	florence flo
	frances fran frankie
	francis frank fran frankie
	francisco frank paco pancho
	francisca fran paca
	frederick fred freddy rick
	gabriel gabe
	gabriela gabby
	geoffrey jeffrey jeff geoff
	gerald jerry gerry
	gilbert gil bert
	gregory greg
	guadalupe lupe lupita
	guillermo william bill billy will willy liam memo
	harold hal harry
	helen ellen nell
	ignacio nacho
	jacob jake
	jacqueline jackie
	james jim jimmy jamie jaime
	janet jan
	jennifer jen jenny
	jessica jess jessie
	joanna joanne jo
	john johnny jack jon juan
	jonathan jon jonny
	joseph jose joe joey pepe
	josephine josefina josie jo
	joshua josh
	judith judy judi
	kenneth ken kenny
	kimberly kim
	lawrence laurence larry
	leonard leo len lenny
	leslie les
	louis luis lewis lou
	manuel manny manolo
	margaret maggie meg peggy marge margie rita greta
	maria marie mary mia mimi
	martha marty patty
	matthew matt
	maximilian max
	michael miguel mike mickey mick
	mildred millie
	mohammed muhammad mohamed mo
	nancy nan
	natalie natalia nat
	nathan nathaniel nate nat
	nicholas nicolas nick nicky
	pamela pam
	patricia pat patty trish tricia
	patrick pat paddy
	pedro peter pete
	philip phillip phil pip
	priscilla cilla
	rachel rae
	ralph raphael rafael rafe rafa
	raymond ray
	rebecca becky becca
	richard ricardo rick rich dick richie ricky
	robert roberto bob bobby rob robbie bert beto
	roberta bobbie
	ronald ron ronnie
	rosario rosa rose chayo rosie
	russell russ
	samantha sam
	samuel sam sammy
	sandra sandy
	sarah sara sally sadie
	stanley stan
	stephanie steph stevie
	stephen steven steve
	susan suzanne susana sue susie suzy
	sylvia silvia syl
	teresa theresa terry tess tere
	thomas tom tommy tomas
	timothy tim
	valerie val
	vanessa nessa
	veronica vero ronnie
	victor vic
	victoria vicky tori vic
	vincent vicente vince vinny
	virginia ginny ginger
	walter walt wally
	wendy gwendolyn gwen
	zachary zach zack`)

func groups(s string) [][]string {
	var all [][]string
	for line := range strings.SplitSeq(strings.TrimSpace(s), "\n") {
		all = append(all, strings.Fields(line))
	}
	return all
}

// shortFor says that two folded given names can be one person's: the same, an
// initial, the beginning of the other, or a nickname.
func shortFor(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	n := utf8.RuneCountInString(a)
	switch {
	case a == b:
		return true
	case n == 0:
		return false
	case (n == 1 || n == 3 || n == 4) && len(b)-len(a) >= 3 && strings.HasPrefix(b, a): // M, Dan, Alex; not Ann for Anna
		return true
	}
	return slices.ContainsFunc(nicknames, func(g []string) bool { return slices.Contains(g, a) && slices.Contains(g, b) })
}
