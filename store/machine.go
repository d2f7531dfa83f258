package store

// OneMachine tells whether only processes of one machine can work on the store, so that who holds its lock there knows
// that all who held it before are dead: a SQLite file on a local disk. A database server knows nothing of its clients'
// machines.
func (s *Store) OneMachine() bool { return s.engine.name() == "sqlite" && !s.options.AllowNetworkFS }
