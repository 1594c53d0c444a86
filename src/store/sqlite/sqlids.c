#include "store/sqlite/sqlids.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"

void sqlids_init(struct sqlids *t, size_t n_slots)
{
	*t = (struct sqlids){.n_slots = n_slots};
}

void sqlids_fini(struct sqlids *t)
{
	free(t->slots);
	t->slots = NULL;
}

void sqlids_clear(struct sqlids *t)
{
	sqlids_fini(t);
}

static struct sqlids_slot *slot_of(const struct sqlids *t, struct str id)
{
	return &t->slots[map_hash(id) & (t->n_slots - 1)];
}

void sqlids_put(struct sqlids *t, struct str id, int64_t row)
{
	if (id.n == 0 || id.n > SQLIDS_BYTES)
		return;
	if (!t->slots)
		t->slots = NEW0_ARRAY(struct sqlids_slot, t->n_slots);
	struct sqlids_slot *s = slot_of(t, id);
	s->row = row;
	s->n = (uint16_t)id.n;
	memcpy(s->id, id.p, id.n);
}

int64_t sqlids_get(const struct sqlids *t, struct str id)
{
	if (!t->slots || id.n == 0 || id.n > SQLIDS_BYTES)
		return 0;
	const struct sqlids_slot *s = slot_of(t, id);
	return s->row && str_eq(str_n(s->id, s->n), id) ? s->row : 0;
}
