package postgres

//go:generate go test -run TestTheSchemaReferenceIsUpToDate -update .
