package credential

import (
	"reflect"
	"testing"
	"time"
)

type fieldChange struct {
	name  string
	apply func(*Credential)
}

// fieldChanges gives one change for each field of a Credential, those of the structs within it included.
func fieldChanges(t *testing.T) []fieldChange {
	t.Helper()
	var changes []fieldChange
	var visit func(path string, index []int, typ reflect.Type)
	visit = func(path string, index []int, typ reflect.Type) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			at := append(append([]int{}, index...), i)
			if f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[time.Time]() {
				visit(path+f.Name+".", at, f.Type)
				continue
			}
			changes = append(changes, fieldChange{path + f.Name, func(c *Credential) {
				reflect.ValueOf(c).Elem().FieldByIndex(at).Set(other(t, f.Type))
			}})
		}
	}
	visit("", nil, reflect.TypeFor[Credential]())
	return changes
}

// other is a value that differs from a type's zero value.
func other(t *testing.T, typ reflect.Type) reflect.Value {
	t.Helper()
	v := reflect.New(typ).Elem()
	switch {
	case typ == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(1, 0).UTC()))
	case typ.Kind() == reflect.String:
		v.SetString("x")
	case typ.Kind() == reflect.Bool:
		v.SetBool(true)
	case typ.Kind() == reflect.Int:
		v.SetInt(1)
	case typ.Kind() == reflect.Slice:
		v = reflect.Append(v, other(t, typ.Elem()))
	default:
		t.Fatalf("no other value of %s is known", typ)
	}
	return v
}
