package store

import (
	"reflect"
	"testing"
)

// TestQueries holds that every database has every statement, and copies the same columns of the same tables.
func TestQueries(t *testing.T) {
	for name, q := range map[string]queries{"sqlite": sqliteQueries, "postgres": postgresQueries} {
		for _, v := range []reflect.Value{reflect.ValueOf(q), reflect.ValueOf(q.reminders), reflect.ValueOf(q.migrations)} {
			for i := range v.NumField() {
				if v.Field(i).IsZero() {
					t.Errorf("%s has no statement %s", name, v.Type().Field(i).Name)
				}
			}
		}
	}
	if a, b := len(sqliteQueries.tables), len(postgresQueries.tables); a != b {
		t.Fatalf("%d tables of SQLite and %d of PostgreSQL", a, b)
	}
	for i, a := range sqliteQueries.tables {
		if b := postgresQueries.tables[i]; a.name != b.name || a.columns != b.columns || a.read != b.read {
			t.Errorf("the copy of table %s differs: %q, %q", a.name, a.read, b.read)
		}
	}
}
