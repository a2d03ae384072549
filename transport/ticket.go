package transport

// Ticket is the durable state of one upload. It must be stored before the
// first byte is sent (Upload's save does that) and binds the upload id to the
// sealed file: a sealed file made anew differs in every byte and needs a new
// ticket. It holds no secret and marshals to JSON.
//
// The caller fills Key and SHA256; Upload fills the rest.
type Ticket struct {
	Key      string `json:"key"`
	SHA256   string `json:"sha256"`              // of the sealed file, lower-case hex; Upload computes it when empty
	Size     int64  `json:"size"`                // of the sealed file, in bytes
	PartSize int64  `json:"part_size,omitempty"` // frozen when the upload starts
	UploadID string `json:"upload_id,omitempty"` // empty for an upload in one piece
	Checksum string `json:"checksum,omitempty"`  // what the parts are checked with: "CRC64NVME" or "MD5"
}
