package practice

import (
	"chartseal/testdata/practice/dcm"
)

// vendor is an invented maker of imaging machines, with its habits.
type vendor struct {
	maker, model, software string
	syntax                 dcm.Syntax
	undefined              bool // sequences of undefined length
	bits                   int  // grey values
	private                func(k *kit, d *dcm.Dataset)
}

var (
	fjordSensor = vendor{
		maker: "Fjordview Imaging", model: "FV Sense 2", software: "FV Capture 6.4.1",
		syntax: dcm.ExplicitLE, undefined: true, bits: 12, private: fjordPrivate,
	}
	dentavista = vendor{
		maker: "DENTAVISTA", model: "Pearl HD", software: "5.0.22",
		syntax: dcm.ImplicitLE, bits: 16, private: dentavistaPrivate,
	}
	oldScanner = vendor{
		maker: "Brightwell", model: "PlateScan", software: "2.11",
		syntax: dcm.JPEGBaseline, bits: 8, private: func(*kit, *dcm.Dataset) {},
	}
	orbita = vendor{
		maker: "Orbita Roentgen", model: "Orbita 3D S", software: "ORB 11.2",
		syntax: dcm.ExplicitLE, bits: 14, private: orbitaPrivate,
	}
	orbitaVolume = vendor{
		maker: "Orbita Roentgen", model: "Orbita 3D S", software: "ORB 11.2 VOL",
		syntax: dcm.ExplicitLE, undefined: true, bits: 12, private: orbitaPrivate,
	}
)

// fjordPrivate nests a private sequence inside a private sequence and repeats
// the operator's login.
func fjordPrivate(k *kit, d *dcm.Dataset) {
	var inner, middle dcm.Dataset
	inner.Private(0x0029, "FJORDVIEW HEADER", dcm.P(0x01, "LO", k.serial("FVX", "fjord handpiece")))
	middle.Private(0x0029, "FJORDVIEW HEADER", dcm.P(0x10, "SQ", dcm.Seq(inner)), dcm.P(0x11, "SH", "CAL 3"))
	d.Private(0x0009, "FJORDVIEW CAPTURE",
		dcm.P(0x01, "LO", k.secret(`D:\FVDATA\`+k.person.Last0()+`\`+k.person.ID)),
		dcm.P(0x02, "UN", []byte(k.unique("LIC-"))))
	d.Private(0x0029, "FJORDVIEW HEADER", dcm.P(0x20, "SQ", dcm.Seq(middle)), dcm.P(0x30, "OB", make([]byte, 256)))
}

// dentavistaPrivate hides text in binary blocks and keeps a block whose
// creator names nobody.
func dentavistaPrivate(k *kit, d *dcm.Dataset) {
	blob := append([]byte{0x07, 0, 0, 0}, k.serial("WS-", "dentavista workstation")...)
	d.Private(0x0019, "DENTAVISTA 1.0", dcm.P(0x01, "OB", blob), dcm.P(0x02, "LT", k.secret("saved by login "+k.logon("dv"))))
	d.Put(dcm.Attr{Tag: 0x7FDF1001, VR: "UN"}, []byte(k.unique("orphan ")))
}

// orbitaPrivate writes an implicit sequence into a value of unknown
// representation, as machines do that pass on what they cannot read.
func orbitaPrivate(k *kit, d *dcm.Dataset) {
	var inner dcm.Dataset
	inner.Private(0x0011, "ORBITA SESSION", dcm.P(0x05, "LO", k.logon("orb")))
	d.Private(0x0011, "ORBITA SESSION",
		dcm.P(0x01, "SH", k.serial("ORB-T", "orbita tube")),
		dcm.P(0x02, "SQ", dcm.Seq(inner, inner)),
		dcm.P(0x03, "UN", []byte("\xFE\xFF\x00\xE0\x00\x00\x00\x00"+k.unique("raw projection set "))))
}

// logon is the operator's account on a machine.
func (k *kit) logon(machine string) string {
	return k.secret(machine + `\` + "tquennell" + k.machineNumber())
}
