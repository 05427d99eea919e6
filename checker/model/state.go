package model

import (
	"encoding/binary"
	"math"
	"reflect"

	"github.com/cespare/xxhash/v2"
)

// equalStates compares states of a type for which the user does not.
func equalStates[S any]() func(a, b S) bool {
	switch kind := reflect.TypeFor[S]().Kind(); {
	case kind == reflect.String, reflect.Bool <= kind && kind <= reflect.Uintptr:
		return func(a, b S) bool { return any(a) == any(b) }
	}
	return func(a, b S) bool { return reflect.DeepEqual(a, b) }
}

// hashState is for states that equalStates compares.
func hashState[S any](state S) uint64 { return hashOf(reflect.ValueOf(&state).Elem(), 0) }

// hashOf hashes a value and what it refers to, the same for values that are deeply
// equal. What it does not look at makes no difference.
func hashOf(v reflect.Value, depth int) uint64 {
	var n uint64
	switch kind := v.Kind(); {
	case depth == maxDepth:
	case kind == reflect.String:
		n = xxhash.Sum64String(v.String())
	case v.CanInt():
		n = uint64(v.Int())
	case v.CanUint():
		n = v.Uint()
	case v.CanFloat() && v.Float() != 0: // 0 is -0
		n = math.Float64bits(v.Float())
	case kind == reflect.Bool && v.Bool():
		n = 1
	case kind == reflect.Slice, kind == reflect.Array:
		for i := range v.Len() {
			n = mixed(n, hashOf(v.Index(i), depth+1))
		}
	case kind == reflect.Struct:
		for i := range v.NumField() {
			n = mixed(n, hashOf(v.Field(i), depth+1))
		}
	case kind == reflect.Map: // in no order
		for each := v.MapRange(); each.Next(); {
			n += mixed(hashOf(each.Key(), depth+1), hashOf(each.Value(), depth+1))
		}
	case (kind == reflect.Pointer || kind == reflect.Interface) && !v.IsNil():
		n = hashOf(v.Elem(), depth+1)
	}
	return mixed(0, n)
}

// mixed makes one hash of two.
func mixed(a, b uint64) uint64 {
	var buf [16]byte
	binary.LittleEndian.PutUint64(buf[:], a)
	binary.LittleEndian.PutUint64(buf[8:], b)
	return xxhash.Sum64(buf[:])
}

// maxDepth is how deep hashOf and sizeOf look: states are not expected to be endless.
const maxDepth = 8

// sizeOf estimates the bytes of a value and all it refers to. What values share
// counts for each of them.
func sizeOf(v reflect.Value, depth int) int64 {
	if !v.IsValid() {
		return 0
	}
	size := int64(v.Type().Size())
	if depth == maxDepth {
		return size
	}
	switch v.Kind() {
	case reflect.String:
		size += int64(v.Len())
	case reflect.Slice, reflect.Array:
		if kind := v.Type().Elem().Kind(); kind >= reflect.Bool && kind <= reflect.Complex128 {
			return size + int64(v.Len())*int64(v.Type().Elem().Size())
		}
		for i := range v.Len() {
			size += sizeOf(v.Index(i), depth+1)
		}
	case reflect.Map:
		for each := v.MapRange(); each.Next(); {
			size += sizeOf(each.Key(), depth+1) + sizeOf(each.Value(), depth+1)
		}
	case reflect.Struct:
		size = 0
		for i := range v.NumField() {
			size += sizeOf(v.Field(i), depth+1)
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			size += sizeOf(v.Elem(), depth+1)
		}
	}
	return size
}
