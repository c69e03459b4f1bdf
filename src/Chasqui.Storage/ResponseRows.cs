using Chasqui.Gateway.Responses;
using Chasqui.Gateway.Sessions;

namespace Chasqui.Storage;

/// <summary>Statements for kept responses that each database takes.</summary>
internal static class ResponseRows
{
    public const string Put = """
        INSERT INTO responses VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant, id) DO UPDATE SET at = $3, bytes = $4, body = $5
        """;

    /// <summary>Those of a tenant that are beyond a number, or beyond a number of bytes, the newest counted first.</summary>
    public const string Bound = """
        DELETE FROM responses WHERE tenant = $1 AND id IN (
            SELECT id FROM (
                SELECT id, row_number() OVER (ORDER BY at DESC, id) AS place, sum(bytes) OVER (ORDER BY at DESC, id) AS total FROM responses WHERE tenant = $1) AS counted
            WHERE place > $2 OR total > $3)
        """;

    public const string Find = "SELECT body FROM responses WHERE tenant = $1 AND id = $2 AND at >= $3";

    public const string Remove = "DELETE FROM responses WHERE tenant = $1 AND id = $2";

    public const string Forget = "DELETE FROM responses WHERE at < $1";

    public static object[] Values(KeptResponse response) =>
        [response.Tenant, response.Id, SessionRows.Ticks(response.At), (long)response.Body.Length, response.Body.ToArray()];

    public static object[] Bounds(KeptResponse response, SessionOptions bounds) => [response.Tenant, (long)bounds.MaxResponses, bounds.ResponseBytes];
}
