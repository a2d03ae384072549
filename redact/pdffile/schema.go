package pdffile

import "maps"

// The allow-list. A shape says what one object of a PDF may be in the place
// where it is found: which entries of a dictionary stay and what shape they
// have, what the elements of an array are, whether it may be a stream, a
// string or another simple value. Everything that has no shape goes. Names and
// table numbers are those of ISO 32000-1:2008; entries of ISO 32000-2:2020 are
// marked 2.0.
type shape struct {
	keys   map[string]*shape // entries of a dictionary by name
	rest   *shape            // every other entry: for dictionaries whose keys are free, as fonts by name
	elems  *shape            // elements of an array
	stream bool              // may be a stream; keys are those of its dictionary
	plain  bool              // may be a number, name or boolean
	text   bool              // may be a string
	embed  embedding         // what the data of the stream is
}

// embedding names data inside streams that has metadata of its own.
type embedding int

const (
	opaque   embedding = iota
	picture            // an image XObject: DCTDecode data is a JPEG, JPXDecode a JPEG 2000
	profile            // an ICC profile, when the dictionary has N
	contents           // page content, which may be one of several pieces
	drawing            // content that stands alone: of forms, patterns and glyphs
)

func dict(keys map[string]*shape) *shape   { return &shape{keys: keys} }
func stream(keys map[string]*shape) *shape { return &shape{keys: keys, stream: true} }
func named(rest *shape) *shape             { return &shape{rest: rest} }
func array(elems *shape) *shape            { return &shape{elems: elems} }

// join puts the entries of several tables together.
func join(tables ...map[string]*shape) map[string]*shape {
	out := map[string]*shape{}
	for _, t := range tables {
		maps.Copy(out, t)
	}
	return out
}

// all gives each name the same shape.
func all(s *shape, names ...string) map[string]*shape {
	out := map[string]*shape{}
	for _, n := range names {
		out[n] = s
	}
	return out
}

// value is a simple value or an array of such, as numbers, boxes and names are.
var value = newValue()

func newValue() *shape {
	v := &shape{plain: true}
	v.elems = v
	return v
}

var (
	word = &shape{text: true, plain: true}

	// filters are the entries of a stream that say how to decode it (table 5).
	// F, FFilter and FDecodeParms, a stream outside the file, are refused.
	filters = map[string]*shape{
		"Filter": value, "DecodeParms": decodeParms,
	}
	decodeParms = newDecodeParms()

	function    = &shape{stream: true, plain: true}
	colourSpace = &shape{plain: true}
	resources   = &shape{}
	xObject     = &shape{stream: true, embed: drawing}
	imageXObj   = &shape{stream: true, embed: picture}
	form        = &shape{stream: true, embed: drawing}
	content     = &shape{stream: true, keys: filters, embed: contents}
	glyph       = &shape{stream: true, keys: filters, embed: drawing}
	pattern     = &shape{stream: true, embed: drawing}
	shading     = &shape{stream: true}
	extGState   = &shape{}
	font        = &shape{}
	comment     = &shape{}
	page        = &shape{}
)

func filtersOnly() map[string]*shape { return map[string]*shape{"Filter": value} }

// newDecodeParms: tables 8, 11, 12 and 13.
func newDecodeParms() *shape {
	s := dict(join(all(value, "Predictor", "Colors", "BitsPerComponent", "Columns", "EarlyChange", "K", "EndOfLine",
		"EncodedByteAlign", "Rows", "EndOfBlock", "BlackIs1", "DamagedRowsBeforeError", "ColorTransform"),
		all(stream(filtersOnly()), "JBIG2Globals")))
	s.elems = s
	return s
}

// group is a transparency group (table 147).
var group = dict(map[string]*shape{"Type": value, "S": value, "CS": colourSpace, "I": value, "K": value})

func init() {
	initColour()
	initGraphics()
	initFonts()

	// Table 33. Properties is left out: it names layers and marked content.
	resources.keys = map[string]*shape{
		"ExtGState": named(extGState), "ColorSpace": named(colourSpace), "Pattern": named(pattern),
		"Shading": named(shading), "XObject": named(xObject), "Font": named(font), "ProcSet": value,
	}
	// Table 30, without what inheritance, annotations and structure need.
	page.keys = join(all(value, "Type", "MediaBox", "CropBox", "BleedBox", "TrimBox", "ArtBox", "Rotate", "UserUnit"),
		map[string]*shape{
			"Resources": resources, "Group": group, "Contents": {stream: true, keys: filters, elems: content, embed: contents},
			"Annots": array(comment),
		})
	initComment()
}

// initColour: section 8.6.5 (spaces), 7.10 (functions).
func initColour() {
	fn := join(filters, all(value, "FunctionType", "Domain", "Range", "Size", "BitsPerSample", "Order", "Encode", "Decode",
		"C0", "C1", "N", "Bounds"), map[string]*shape{"Functions": array(function)})
	function.keys, function.elems = fn, function

	process := dict(map[string]*shape{"ColorSpace": colourSpace, "Components": value})
	part := &shape{plain: true, text: true, stream: true, embed: profile}
	part.keys = join(fn, all(value, "WhitePoint", "BlackPoint", "Gamma", "Matrix", "Subtype"), map[string]*shape{
		"Alternate": colourSpace, "Colorants": named(colourSpace), "Process": process,
	})
	part.elems = part
	colourSpace.elems = part
}

// initGraphics: sections 8.4.5, 8.7, 8.9, 8.10, 11.6.5.
func initGraphics() {
	softMask := dict(map[string]*shape{"Type": value, "S": value, "G": form, "BC": value, "TR": function})
	softMask.plain = true
	extGState.keys = join(all(value, "Type", "LW", "LC", "LJ", "ML", "D", "RI", "OP", "op", "OPM", "FL", "SM", "SA", "BM",
		"CA", "ca", "AIS", "TK", "UseBlackPtComp"),
		all(function, "BG", "BG2", "UCR", "UCR2", "TR", "TR2"),
		map[string]*shape{"Font": {elems: &shape{plain: true, keys: map[string]*shape{}}}, "SMask": softMask})

	mask := &shape{stream: true, elems: value, embed: picture}
	imageXObj.keys = join(filters, all(value, "Type", "Subtype", "Width", "Height", "BitsPerComponent", "Intent", "ImageMask",
		"Decode", "Interpolate", "SMaskInData", "Matte"),
		map[string]*shape{"ColorSpace": colourSpace, "Mask": mask, "SMask": imageXObj})
	mask.keys = imageXObj.keys

	form.keys = join(filters, all(value, "Type", "Subtype", "FormType", "BBox", "Matrix"),
		map[string]*shape{"Resources": resources, "Group": group})
	xObject.keys = join(imageXObj.keys, form.keys)

	shading.keys = join(filters, all(value, "ShadingType", "Background", "BBox", "AntiAlias", "Domain", "Matrix", "Coords",
		"Extend", "BitsPerCoordinate", "BitsPerComponent", "BitsPerFlag", "Decode", "VerticesPerRow"),
		map[string]*shape{"ColorSpace": colourSpace, "Function": function})
	pattern.keys = join(filters, all(value, "Type", "PatternType", "PaintType", "TilingType", "BBox", "XStep", "YStep",
		"Matrix"), map[string]*shape{"Resources": resources, "Shading": shading, "ExtGState": extGState})
}

// initFonts: section 9.
func initFonts() {
	systemInfo := dict(map[string]*shape{"Registry": word, "Ordering": word, "Supplement": value})
	cmap := &shape{stream: true, plain: true}
	cmap.keys = join(filters, all(value, "Type", "CMapName", "WMode"),
		map[string]*shape{"CIDSystemInfo": systemInfo, "UseCMap": cmap})
	encoding := &shape{stream: true, plain: true, keys: join(cmap.keys, all(value, "BaseEncoding", "Differences"))}
	program := stream(join(filters, all(value, "Length1", "Length2", "Length3", "Subtype")))
	descriptor := dict(join(all(value, "Type", "FontName", "FontStretch", "FontWeight", "Flags", "FontBBox", "ItalicAngle",
		"Ascent", "Descent", "Leading", "CapHeight", "XHeight", "StemV", "StemH", "AvgWidth", "MaxWidth", "MissingWidth"),
		all(program, "FontFile", "FontFile2", "FontFile3")))
	font.keys = join(all(value, "Type", "Subtype", "Name", "BaseFont", "FirstChar", "LastChar", "Widths", "FontBBox",
		"FontMatrix", "DW", "W", "DW2", "W2"),
		map[string]*shape{
			"FontDescriptor": descriptor, "Encoding": encoding, "ToUnicode": cmap, "CharProcs": named(glyph),
			"Resources": resources, "DescendantFonts": array(font), "CIDSystemInfo": systemInfo,
			"CIDToGIDMap": {stream: true, plain: true, keys: filters},
		})
	extGState.keys["Font"].elems = &shape{plain: true, keys: font.keys}
}

// initComment: tables 164 and 170 to 182: an annotation as it stays when it
// holds a remark that is not painted on the page. Author, dates, subject, rich
// text, actions and names are left out.
func initComment() {
	comment.keys = join(all(value, "Type", "Subtype", "Rect", "F", "C", "IC", "CA", "Border", "Name", "Open", "QuadPoints",
		"InkList", "L", "LE", "Vertices", "RD"),
		map[string]*shape{
			"Contents": word, "BS": dict(all(value, "Type", "W", "S", "D")),
			"AP": dict(map[string]*shape{"N": form}),
		})
}

// dropped says as what an entry that goes is counted.
var dropped = map[string]*removal{
	"Metadata": &xmpRemoved, "PieceInfo": &pieceRemoved, "LastModified": &timeRemoved, "AA": &actionRemoved,
	"A": &actionRemoved, "OpenAction": &actionRemoved, "Outlines": &outlineRemoved, "Thumb": &thumbRemoved,
	"AF": &attachmentRemoved, "StructTreeRoot": &structureRemoved, "StructParents": &structureRemoved,
	"StructParent": &structureRemoved, "MarkInfo": &structureRemoved, "OutputIntents": &printRemoved,
	"SeparationInfo": &printRemoved, "OPI": &printRemoved, "HT": &printRemoved, "Alternates": &printRemoved,
	"Dests": &outlineRemoved, "Threads": &outlineRemoved, "PageLabels": &outlineRemoved, "URI": &linkRemoved,
	"ViewerPreferences": &viewerRemoved, "PageLayout": &viewerRemoved, "PageMode": &viewerRemoved,
	"Tabs": &viewerRemoved, "Legal": &signatureRemoved, "Perms": &signatureRemoved, "DSS": &signatureRemoved,
	"SpiderInfo": &otherRemoved, "AcroForm": &formRemoved, "T": &authorRemoved, "NM": &authorRemoved,
	"M": &authorRemoved, "CreationDate": &authorRemoved, "Subj": &authorRemoved, "RC": &authorRemoved,
	"IRT": &authorRemoved, "Properties": &structureRemoved,
}
