package s3

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"chartseal/transport"
)

func TestACertificateThatEndsSoonIsFound(t *testing.T) {
	sv := httptest.NewTLSServer(nil)
	defer sv.Close()
	ends := sv.Certificate().NotAfter
	s := &Store{cfg: Config{Endpoint: sv.URL}, http: sv.Client()}
	for left, want := range map[time.Duration]transport.Level{staleSoon + time.Hour: transport.OK, staleSoon - time.Hour: transport.Warning, -time.Hour: transport.Warning} {
		r := &report{}
		s.now = func() time.Time { return ends.Add(-left) }
		s.checkCertificate(t.Context(), r)
		if len(r.findings) != 1 || r.findings[0].Check != "tls" || r.findings[0].Level != want || !strings.Contains(r.findings[0].Message, ends.Format(time.DateOnly)) {
			t.Errorf("%v left: %+v", left, r.findings)
		}
	}
	r := &report{}
	sv.Close()
	s.checkCertificate(t.Context(), r)
	if len(r.findings) != 1 || r.findings[0].Level != transport.Notice {
		t.Errorf("nobody there: %+v", r.findings)
	}
}
