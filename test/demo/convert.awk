# From Debian's package index (deb822 stanzas, `apt-cache dumpavail`) to packages.csv and dependencies.csv.
# Usage: awk -v packages=FILE -v dependencies=FILE -f convert.awk INDEX

function quote(text) {
    gsub(/"/, "\"\"", text)
    return "\"" text "\""
}

# One relationship field: alternatives are separated by '|', each may carry a version in parentheses.
function relate(kind, text,   clauses, n, k, alternatives, m, j, target, version) {
    n = split(text, clauses, /,[ \t]*/)
    for (k = 1; k <= n; k++) {
        m = split(clauses[k], alternatives, /[ \t]*\|[ \t]*/)
        for (j = 1; j <= m; j++) {
            target = alternatives[j]; version = ""
            if (match(target, /\([^)]*\)/)) {
                version = substr(target, RSTART + 1, RLENGTH - 2)
                target = substr(target, 1, RSTART - 1)
            }
            sub(/:[a-z0-9]+[ \t]*$/, "", target)
            gsub(/[ \t]/, "", target)
            if (target == "")
                continue
            printf "%d,%s,%s,%s,%d,%s\n", ++number, quote(field["Package"]), quote(kind), quote(target), j - 1,
                (version == "" ? "" : quote(version)) > dependencies
        }
    }
}

function finish() {
    if (!("Package" in field))
        return
    printf "%s,%s,%s,%s,%s,%s,%s,%s,%s,%s\n", quote(field["Package"]), quote(field["Version"]), quote(field["Section"]),
        quote(field["Priority"]), quote(field["Architecture"]), field["Installed-Size"] + 0, field["Size"] + 0,
        quote(field["Maintainer"]), quote(field["Homepage"]), quote(field["Description"]) > packages
    relate("depends", field["Pre-Depends"])
    relate("depends", field["Depends"])
    relate("recommends", field["Recommends"])
    relate("suggests", field["Suggests"])
    relate("enhances", field["Enhances"])
    relate("provides", field["Provides"])
    relate("conflicts", field["Conflicts"])
    relate("breaks", field["Breaks"])
    relate("replaces", field["Replaces"])
    delete field
}

BEGIN {
    print "name,version,section,priority,architecture,installedSize,size,maintainer,homepage,summary" > packages
    print "id,package,kind,target,alternative,version" > dependencies
}
/^$/ { finish(); next }
/^[A-Za-z]/ { at = index($0, ":"); name = substr($0, 1, at - 1); field[name] = substr($0, at + 2); next }
/^[ \t]/ { if (name != "Description") field[name] = field[name] " " substr($0, 2) }
END { finish() }
