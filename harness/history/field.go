package history

import (
	"encoding/binary"
	"reflect"
	"strings"
)

// field is a field of a struct, as the parser sees it: the name that announces
// it, and where its value goes.
type field struct {
	head, mask uint64 // the first eight bytes of the name with its quotes and colon
	tail       uint64 // the last eight, if there are more
	size       uint8
	kind       kind
	offset     uintptr
}

// kind is what the value of a field is.
type kind uint8

const (
	aText kind = iota + 1
	anUnsigned
	aSigned
	aBoolean
	aPosition
	someTexts
	someMicros
	someBytes
)

// fieldsOf returns the fields of a struct in their order, but for those whose
// values the parser does not know.
func fieldsOf[T any]() []field {
	var fields []field
	t := reflect.TypeFor[T]()
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if k := kindOf(f.Type); k != 0 && name != "" && name != "-" && len(name) <= longest {
			fields = append(fields, newField(name, k, f.Offset))
		}
	}
	return fields
}

// longest is how many letters a name may have to be told by its ends.
const longest = 13

func newField(name string, k kind, offset uintptr) field {
	size := len(name) + len(`"":`)
	announced := []byte(`"` + name + `":` + strings.Repeat("\x00", 8))
	return field{
		head:   binary.LittleEndian.Uint64(announced),
		mask:   1<<(8*min(size, 8)) - 1,
		tail:   binary.LittleEndian.Uint64(announced[max(size-8, 0):]),
		size:   uint8(size),
		kind:   k,
		offset: offset,
	}
}

func kindOf(t reflect.Type) kind {
	switch {
	case t == reflect.TypeFor[Pos]():
		return aPosition
	case t == reflect.TypeFor[[]string]():
		return someTexts
	case t == reflect.TypeFor[[]Micro]():
		return someMicros
	case t == reflect.TypeFor[[]byte]():
		return someBytes
	case t.Kind() == reflect.String:
		return aText
	case t.Kind() == reflect.Bool:
		return aBoolean
	case t.Kind() == reflect.Uint64:
		return anUnsigned
	case (t.Kind() == reflect.Int || t.Kind() == reflect.Int64) && t.Size() == 8:
		return aSigned
	}
	return 0
}

// is tells whether the field is announced at b[i], where the word w begins.
func (f *field) is(w uint64, b []byte, i int) bool {
	return w&f.mask == f.head && (f.size <= 8 || word(b, i+int(f.size)-8) == f.tail)
}
