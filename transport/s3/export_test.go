package s3

// WithPage makes pages of versions short.
func WithPage(entries int32) Option { return func(s *Store) { s.page = &entries } }
