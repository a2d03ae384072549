package dicomfile

// Our own implementation identity (PS3.10 section 7.1, PS3.5 annex B.2: a UUID
// as a UID).
const (
	implementationUID     = "2.25.212764395089713864402137458690712353517"
	implementationVersion = "CHARTSEAL"
)

// buildMeta writes preamble and file meta information anew (PS3.10 section
// 7.1). Nothing is copied from the source but three UIDs: a preamble can hold
// another file, and the source's AE titles and private information go.
func buildMeta(sopClass, sopInstance, ts string) []byte {
	group := appendMeta(nil, 0x00020001, vrOB, []byte{0, 1})
	if sopClass != "" {
		group = appendMetaUID(group, 0x00020002, sopClass)
	}
	if sopInstance != "" {
		group = appendMetaUID(group, 0x00020003, sopInstance)
	}
	group = appendMetaUID(group, 0x00020010, ts)
	group = appendMetaUID(group, 0x00020012, implementationUID)
	group = appendMeta(group, 0x00020013, mkVR('S', 'H'), padded(implementationVersion, ' '))

	out := make([]byte, preambleLength, preambleLength+16+len(group))
	out = append(out, "DICM"...)
	length := explicitLittle.appendU32(nil, uint32(len(group)))
	return append(appendMeta(out, 0x00020000, mkVR('U', 'L'), length), group...)
}

func appendMeta(b []byte, t Tag, v VR, value []byte) []byte {
	return append(explicitLittle.appendHeader(b, t, v, uint32(len(value))), value...)
}

func appendMetaUID(b []byte, t Tag, uid string) []byte {
	return appendMeta(b, t, vrUI, padded(uid, 0))
}

// padded makes a value even (PS3.5 section 6.2).
func padded(s string, pad byte) []byte {
	b := []byte(s)
	if len(b)%2 == 1 {
		b = append(b, pad)
	}
	return b
}
