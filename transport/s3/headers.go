package s3

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const octetStream = "application/octet-stream"

func (s *Store) sse() types.ServerSideEncryption { return types.ServerSideEncryption(s.cfg.SSE) }

func (s *Store) kmsKey() *string {
	if s.cfg.KMSKey == "" {
		return nil
	}
	return aws.String(s.cfg.KMSKey)
}

// ifNoneMatch makes the store refuse to overwrite. Stores that do not know the
// header are left with the key's 128 random bits and a look before and after.
func (s *Store) ifNoneMatch() *string {
	if s.unconditional.Load() {
		return nil
	}
	return aws.String("*")
}

// dropCondition reports whether the store does not know If-None-Match, and
// does without from then on.
func (s *Store) dropCondition(err error) bool {
	if s.cfg.Endpoint == "" || !notOffered(err) || s.unconditional.Load() {
		return false
	}
	s.unconditional.Store(true)
	return true
}
