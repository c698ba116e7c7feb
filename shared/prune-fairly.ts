/**
 * SQL that deletes what a table has beyond `?`: the oldest rows, by `seq`, of whoever has most, so that nobody pushes out
 * what others have in it.
 * @param who an expression: whose a row is
 * @param weight an expression: what a row counts
 * @param where which rows this is about
 */
export const pruneFairly = (table: string, who: string, weight = "1", where = "true") =>
  `DELETE FROM ${table} WHERE seq IN (
     SELECT seq FROM (
       SELECT seq, sum(weight) OVER (ORDER BY own, seq DESC) AS total
       FROM (
         SELECT seq, ${weight} AS weight, sum(${weight}) OVER (PARTITION BY ${who} ORDER BY seq DESC) AS own
         FROM ${table} WHERE ${where}
       )
     ) WHERE total > ?)`;
