package columns

import (
	"strconv"
	"strings"
	"time"

	"github.com/usurper/usurper/checker/verdict"
)

// seconds writes a moment in seconds.
func seconds(at time.Duration, digits int) string {
	return strconv.FormatFloat(at.Seconds(), 'f', digits, 64) + "s"
}

// Moment writes a moment to the millisecond: 4.250s.
func Moment(at time.Duration) string { return seconds(at, 3) }

// Line returns a text as one line that does nothing but be read: what a terminal or a
// page might take for more stands there in words.
func Line(s string) string {
	return strings.NewReplacer("\n", " ", "\t", " ").Replace(verdict.Printable(s))
}
