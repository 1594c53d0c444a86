/* The reading half: the reader functions of the port, each over one snapshot of the file. On the
 * thread that owns the reader. */
#pragma once

#include "engine/store.h"

int sqlread_new(const struct store_ops *ops, const char *path, const char *vfs,
		struct store_reader **ret);
void sqlread_free(struct store_reader *r);

int sqlread_agent_get(struct store_reader *r, struct arena *a, struct str project, struct str id,
		      struct agent_row *ret);
int sqlread_agent_list(struct store_reader *r, struct arena *a, struct str project,
		       const struct store_page *page, struct agent_row **ret, size_t *ret_n);
int sqlread_workflow_get(struct store_reader *r, struct arena *a, struct str project, struct str id,
			 struct workflow_row *ret);
int sqlread_workflow_list(struct store_reader *r, struct arena *a, struct str project,
			  const struct store_page *page, struct workflow_row **ret, size_t *ret_n);
int sqlread_schedule_list(struct store_reader *r, struct arena *a, struct str project,
			  const struct store_page *page, struct schedule_row **ret, size_t *ret_n);
int sqlread_version_get(struct store_reader *r, struct arena *a, struct str workflow_id,
			int64_t version, struct version_row *ret);
int sqlread_version_list(struct store_reader *r, struct arena *a, struct str workflow_id,
			 const struct store_page *page, struct version_row **ret, size_t *ret_n);
int sqlread_run_get(struct store_reader *r, struct arena *a, struct str project, struct str id,
		    struct run_detail *ret);
int sqlread_run_get_part(struct store_reader *r, struct arena *a, struct str project, struct str id,
			 const struct run_part *part, struct run_detail *ret);
int sqlread_node_counts(struct store_reader *r, struct str run_id, const struct run_part *part,
			struct node_counts *ret);
int sqlread_run_head(struct store_reader *r, struct arena *a, struct str project, struct str id,
		     struct run_row *ret);
int sqlread_run_list(struct store_reader *r, struct arena *a, const struct run_filter *filter,
		     const struct store_page *page, struct run_row **ret, size_t *ret_n);
int sqlread_event_list(struct store_reader *r, struct arena *a, struct str run_id,
		       int64_t after_seq, size_t limit, struct event_row **ret, size_t *ret_n);
int sqlread_log_list(struct store_reader *r, struct arena *a, struct str run_id, struct str node_id,
		     int64_t after_line, size_t limit, struct log_row **ret, size_t *ret_n);
int sqlread_key_get(struct store_reader *r, struct arena *a, struct str project, struct str key,
		    struct key_row *ret);
int sqlread_approval_get(struct store_reader *r, struct arena *a, struct str project, struct str id,
			 struct approval_row *ret);
int sqlread_approval_list(struct store_reader *r, struct arena *a,
			  const struct approval_filter *filter, const struct store_page *page,
			  struct approval_row **ret, size_t *ret_n);
int sqlread_storage(struct store_reader *r, struct arena *a, struct str project,
		    struct storage *ret);
int sqlread_open_runs(struct store_reader *r,
		      int (*each)(void *arg, struct arena *a, const struct open_run *run),
		      void *arg);
