package s3

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxLogLine bounds a line of the log in bytes. Addresses of requests have at most
// 8 KiB, and so have the headers that it quotes.
const maxLogLine = 64 << 10

// logged is a download as a line of the log tells it.
type logged struct {
	bucket, key string
	at          time.Time
	sent, size  int64 // in bytes: what went out, and the whole object
	part        bool  // the request asked for a range
}

// logHead is a line up to the sizes. Source: Amazon S3 User Guide, "Amazon S3 server
// access log format".
var logHead = regexp.MustCompile(`^\S+ (\S+) \[([^\]]{1,40})\] \S+ \S+ \S+ REST\.GET\.OBJECT (\S+) "GET [^" ]+ HTTP/[0-9.]+" (\d{3}) (\S+) (\d{1,18}) (\d{1,18}) `)

// logQuotes is how many quotes a line has: around request, referrer and user agent. What
// clients put into these is not escaped and could pose as the fields behind, so that a
// line with more says nothing.
const logQuotes = 6

// logTime is the time of a line.
const logTime = "02/Jan/2006:15:04:05 -0700"

// logSigned is the place, counted behind the last quote, of the field that tells how the
// request was signed.
const logSigned = 4

// parseLogLine reads a line about an object that was given out. It reports false for
// every other line, and for one signed in its headers, as programs with keys do it, and
// not in its address, as links are.
func parseLogLine(line string) (q logged, ok bool) {
	m := logHead.FindStringSubmatch(line)
	if m == nil || m[5] != "-" || strings.Count(line, `"`) != logQuotes {
		return q, false
	}
	if m[4] != strconv.Itoa(http.StatusOK) && m[4] != strconv.Itoa(http.StatusPartialContent) {
		return q, false
	}
	tail := strings.Fields(line[strings.LastIndexByte(line, '"')+1:])
	if len(tail) > logSigned && tail[logSigned] == "AuthHeader" {
		return q, false
	}
	var errs [4]error
	q.bucket, q.part = m[1], m[4] == strconv.Itoa(http.StatusPartialContent)
	q.at, errs[0] = time.Parse(logTime, m[2])
	q.key, errs[1] = url.PathUnescape(m[3])
	q.sent, errs[2] = strconv.ParseInt(m[6], 10, 64)
	q.size, errs[3] = strconv.ParseInt(m[7], 10, 64)
	q.at = q.at.UTC()
	return q, errors.Join(errs[:]...) == nil && q.size > 0
}

// readLog tells of the downloads in a log file, and how many bytes it read. A line that
// is too long is passed over.
func readLog(r io.Reader, each func(logged)) (n int64, err error) {
	in := bufio.NewReaderSize(r, maxLogLine)
	for {
		line, err := in.ReadSlice('\n')
		n += int64(len(line))
		whole := true
		for errors.Is(err, bufio.ErrBufferFull) {
			whole = false
			line, err = in.ReadSlice('\n')
			n += int64(len(line))
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return n, err
		}
		if whole && bytes.Contains(line, []byte(" REST.GET.OBJECT ")) {
			if q, ok := parseLogLine(string(bytes.TrimRight(line, "\r\n"))); ok {
				each(q)
			}
		}
		if err != nil {
			return n, nil
		}
	}
}
