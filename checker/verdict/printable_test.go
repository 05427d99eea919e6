package verdict_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/verdict"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"":                            "",
		"n1 logged: panic: x\n\tmain": "n1 logged: panic: x\n\tmain",
		"80ms±40ms → „déjà vu“ 🙂 \ufffd": "80ms±40ms → „déjà vu“ 🙂 \ufffd",
		"\x1b[31mred\x1b[0m":             `\x1b[31mred\x1b[0m`,
		"a\x00b\r\x7f":                   `a\x00b\x0d\x7f`,
		"\u0085 \u202e \u2028":           `\u0085 \u202e \u2028`,
		"\uffff \U0001ffff":              `\uffff \U0001ffff`,
		"\xff\xc3(":                      `\xff\xc3(`,
		`\x1b`:                           `\x1b`,
	} {
		require.Equal(t, want, verdict.Printable(in), "%q", in)
	}
}
