package s3

// WithTinyParts makes parts smaller than stores allow at the end.
func WithTinyParts(bytes int64) Option { return func(s *Store) { s.part = bytes } }
