package page

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/picture"
)

// Every script is in the page, once, and is of a size that one can have in one's head.
func TestScripts(t *testing.T) {
	found, err := fs.Glob(assets, "assets/js/*")
	require.NoError(t, err)
	var names []string
	for _, f := range found {
		names = append(names, strings.TrimPrefix(f, "assets/js/"))
		b, err := assets.ReadFile(f)
		require.NoError(t, err)
		assert.LessOrEqual(t, bytes.Count(b, []byte("\n")), 400, "%s has too many lines", f)
		assert.NotRegexp(t, `innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function`, string(b), f)
	}
	order := scripts()
	slices.Sort(order)
	assert.Equal(t, names, order)
}

// The markup of a page does not depend on what a run says, but for its title; the
// data is read back as it was.
func TestWrite(t *testing.T) {
	const evil = "</title></script><script>\u2028\u2029<!--style--><!--scripts-->&\"'"
	p := picture.Picture{Format: picture.Format, Title: evil, Plan: evil, Missing: []string{evil}}
	var b bytes.Buffer
	require.NoError(t, Write(&b, &p))
	page := b.String()
	assert.Equal(t, 3, strings.Count(page, "<script"), "the data, uPlot, ours")
	assert.Equal(t, 3, strings.Count(page, "</script>"))
	assert.NotRegexp(t, `\son[a-z]+=|style="|javascript:`, strings.Split(page, "<style>")[0], "nothing that a policy would refuse")
	data := regexp.MustCompile(`(?s)<script type="application/json" id="data">(.*?)</script>`).FindStringSubmatch(page)
	require.Len(t, data, 2)
	var back picture.Picture
	require.NoError(t, json.Unmarshal([]byte(data[1]), &back))
	assert.Equal(t, p, back)
	assert.Contains(t, page, "Copyright (c) 2022 Leon Sorokin", "uPlot's licence goes where uPlot goes")
}
