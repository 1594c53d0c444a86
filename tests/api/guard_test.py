"""A web page in the operator's browser can't drive the API."""
from served import chain, holds, main, same


def ask(d, method, path, body=None, host=None, **fields):
    headers = {k.replace("_", "-"): v for k, v in fields.items()}
    if host:
        headers["Host"] = host
    return d.call(method, path, body, headers)


def refused(answer):
    same(answer.status, 403, answer.body)
    same(answer.headers["content-type"], "application/problem+json", "type")
    same(answer.json["title"], "Forbidden", "title")


def this_machines_names_are_answered(d):
    for name in ("127.0.0.1", "localhost", "LocalHost", "[::1]"):
        for host in (name, "%s:%d" % (name, d.port)):
            same(ask(d, "GET", "/api/runs", host=host).status, 200, host)


def a_name_rebound_to_loopback_is_refused(d):
    for host in ("evil.example", "evil.example:%d" % d.port, "localhost.evil.example",
                 "localhost.", "127.0.0.1.nip.io:%d" % d.port, "127.0.0.2", "[::2]:%d" % d.port,
                 "localhost:%d" % (d.port ^ 1), ":%d" % d.port, "user@localhost",
                 "localhost:%d:%d" % (d.port, d.port)):
        refused(ask(d, "GET", "/api/runs", host=host))
        refused(ask(d, "GET", "/openapi.json", host=host))
        refused(ask(d, "POST", "/api/workflows", chain("rebound"), host=host))
    same(d.get("/api/workflows/rebound").status, 404, "nothing was made")


def health_answers_to_any_name(d):
    for path in ("/livez", "/readyz", "/health", "/api/health"):
        same(ask(d, "GET", path, host="10.1.2.3:%d" % d.port).status, 200, path)


def changes_from_another_origin_are_refused(d):
    own = "127.0.0.1:%d" % d.port
    for origin in ("http://evil.example", "null", "", own, "http://127.0.0.1",
                   "http://localhost:%d" % d.port, "http://%s.evil.example" % own,
                   "http://127.0.0.1:%d" % (d.port ^ 1), "ftp://" + own, "http://%s/" % own,
                   "http://%s http://evil.example" % own):
        for method, path in (("POST", "/api/workflows"), ("POST", "/api/workflows/validate"),
                             ("PUT", "/api/workflows/x"), ("DELETE", "/api/workflows/x"),
                             ("POST", "/api/runs/x/cancel"), ("POST", "/api/agents")):
            body = chain("crossed") if method != "DELETE" else None
            refused(ask(d, method, path, body, Origin=origin))
    for site in ("cross-site", "same-site", "", "anything"):
        refused(ask(d, "POST", "/api/workflows", chain("crossed"), Sec_Fetch_Site=site))
        refused(ask(d, "POST", "/api/workflows", chain("crossed"), Sec_Fetch_Site=site,
                    Origin="http://" + own))
    same(d.get("/api/workflows/crossed").status, 404, "nothing was made")


def a_form_without_a_body_is_refused_too(d):
    same(d.post("/api/workflows", chain("formed")).status, 201, "made")
    refused(ask(d, "POST", "/api/workflows/formed/trigger", Origin="http://evil.example",
                Content_Type="text/plain"))
    same(d.get("/api/workflows/formed/runs").json["items"], [], "nothing ran")


def the_own_page_and_programs_may_change_things(d):
    own = "127.0.0.1:%d" % d.port
    for n, fields in enumerate(({}, {"Origin": "http://" + own}, {"Origin": "HTTP://" + own},
                                {"Sec_Fetch_Site": "same-origin", "Origin": "http://" + own},
                                {"Sec_Fetch_Site": "none"})):
        same(ask(d, "POST", "/api/workflows", chain("own%d" % n), **fields).status, 201, fields)


def reading_needs_no_origin(d):
    a = ask(d, "GET", "/api/runs", Origin="http://evil.example", Sec_Fetch_Site="cross-site")
    same(a.status, 200, "read")
    holds(not any(k.startswith("access-control-") for k in a.headers), "no CORS")


def beyond_loopback_any_name_is_answered_but_no_other_origin(d):
    from served import Drover
    wide = Drover("--listen", "0.0.0.0:0", "--insecure-listen")
    try:
        host = "drover.example:%d" % wide.port
        same(ask(wide, "GET", "/api/runs", host=host).status, 200, "any name")
        same(ask(wide, "POST", "/api/workflows", chain("wide"), host=host,
                 Origin="http://" + host).status, 201, "own origin")
        refused(ask(wide, "POST", "/api/workflows", chain("w"), host=host,
                    Origin="http://evil.example"))
    finally:
        wide.stop()


if __name__ == "__main__":
    main([this_machines_names_are_answered, a_name_rebound_to_loopback_is_refused,
          health_answers_to_any_name, changes_from_another_origin_are_refused,
          a_form_without_a_body_is_refused_too, the_own_page_and_programs_may_change_things,
          reading_needs_no_origin, beyond_loopback_any_name_is_answered_but_no_other_origin])
