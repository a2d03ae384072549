// Package schema is the JSON Schema of a release order, by which editors complete,
// explain and check an order while it is written. It is generated from the types of
// package order; what it cannot say stays with the rules.
package schema

//go:generate go test ./generate -run TestSchemaIsCurrent -write

import _ "embed"

//go:embed order.schema.json
var text []byte

// JSON is the schema (draft 2020-12).
func JSON() []byte { return append([]byte(nil), text...) }
