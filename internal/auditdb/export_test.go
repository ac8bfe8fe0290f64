package auditdb

// For tests that ask the planner: what finds a page, and with what.
func (q Question) PageQuery() (string, []any) { return q.pageQuery(), q.args() }
