package chartseal

import "context"

func keyOf(site, number string) string { return site + "/" + number }

// ledgers are the ledgers that a database mirrors, with their keys; "" where the key is
// gone.
func (d *database) ledgers(ctx context.Context) (map[string]string, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	rows, err := d.db.QueryContext(ctx, `SELECT site, ledger, public_key FROM chartseal_ledgers
		UNION ALL SELECT DISTINCT site, ledger, '' FROM chartseal_heads h
		WHERE NOT EXISTS (SELECT 1 FROM chartseal_ledgers l WHERE l.site=h.site AND l.ledger=h.ledger)`)
	if err != nil {
		return nil, d.fail(err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string]string{}
	for rows.Next() {
		var site, number, key string
		if err := rows.Scan(&site, &number, &key); err != nil {
			return nil, d.fail(err)
		}
		out[keyOf(site, number)] = key
	}
	return out, d.fail(rows.Err())
}

// siteNames are the sites that work at the database.
func (d *database) siteNames(ctx context.Context) (out []string, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	rows, err := d.db.QueryContext(ctx, `SELECT site FROM chartseal_sites ORDER BY site`)
	if err != nil {
		return nil, d.fail(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var site string
		if err := rows.Scan(&site); err != nil {
			return nil, d.fail(err)
		}
		out = append(out, site)
	}
	return out, d.fail(rows.Err())
}
