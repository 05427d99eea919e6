package picture

import "github.com/usurper/usurper/checker"

func sentencesOf(v *checker.Violation) []Sentence {
	return []Sentence{{Text: brief(v.Text, aText), Event: -1}}
}
