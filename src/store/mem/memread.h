/* The reading half of the in-memory store: the reader functions of the port over a state. */
#pragma once

#include "store/mem/memdb.h"

/* A reader of *state (a pointer to the store's pointer). Never NULL. */
struct store_reader *memread_new(const struct store_ops *ops, struct memdb *const *state);
void memread_free(struct store_reader *r);

int memread_agent_get(struct store_reader *r, struct arena *a, struct str project, struct str id,
		      struct agent_row *ret);
int memread_agent_list(struct store_reader *r, struct arena *a, struct str project,
		       const struct store_page *page, struct agent_row **ret, size_t *ret_n);
int memread_workflow_get(struct store_reader *r, struct arena *a, struct str project, struct str id,
			 struct workflow_row *ret);
int memread_workflow_list(struct store_reader *r, struct arena *a, struct str project,
			  const struct store_page *page, struct workflow_row **ret, size_t *ret_n);
int memread_version_get(struct store_reader *r, struct arena *a, struct str workflow_id,
			int64_t version, struct version_row *ret);
int memread_version_list(struct store_reader *r, struct arena *a, struct str workflow_id,
			 const struct store_page *page, struct version_row **ret, size_t *ret_n);
int memread_run_get(struct store_reader *r, struct arena *a, struct str project, struct str id,
		    struct run_detail *ret);
int memread_run_get_part(struct store_reader *r, struct arena *a, struct str project, struct str id,
			 const struct run_part *part, struct run_detail *ret);
int memread_node_counts(struct store_reader *r, struct str run_id, const struct run_part *part,
			struct node_counts *ret);
int memread_run_head(struct store_reader *r, struct arena *a, struct str project, struct str id,
		     struct run_row *ret);
int memread_run_list(struct store_reader *r, struct arena *a, const struct run_filter *filter,
		     const struct store_page *page, struct run_row **ret, size_t *ret_n);
int memread_event_list(struct store_reader *r, struct arena *a, struct str run_id,
		       int64_t after_seq, size_t limit, struct event_row **ret, size_t *ret_n);
int memread_log_list(struct store_reader *r, struct arena *a, struct str run_id, struct str node_id,
		     int64_t after_line, size_t limit, struct log_row **ret, size_t *ret_n);
int memread_key_get(struct store_reader *r, struct arena *a, struct str project, struct str key,
		    struct key_row *ret);
int memread_approval_get(struct store_reader *r, struct arena *a, struct str project, struct str id,
			 struct approval_row *ret);
int memread_approval_list(struct store_reader *r, struct arena *a,
			  const struct approval_filter *filter, const struct store_page *page,
			  struct approval_row **ret, size_t *ret_n);
int memread_schedule_list(struct store_reader *r, struct arena *a, struct str project,
			  const struct store_page *page, struct schedule_row **ret, size_t *ret_n);
int memread_storage(struct store_reader *r, struct arena *a, struct str project,
		    struct storage *ret);
int memread_open_runs(struct store_reader *r,
		      int (*each)(void *arg, struct arena *a, const struct open_run *run),
		      void *arg);
