package replica_test

import (
	"testing"

	"earshot/protocol/replica"
	"earshot/protocol/replica/storetest"
)

func TestMemStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) (replica.Store, func() replica.Store) {
		s := replica.NewMemStore()
		return s, func() replica.Store { return s }
	})
}
