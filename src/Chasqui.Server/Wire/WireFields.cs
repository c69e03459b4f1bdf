using Chasqui.Protocol.Headers;

namespace Chasqui.Server;

/// <summary>The fields of a request that mean something (docs/protocol.md, section 7): each stands there once.</summary>
internal static class WireFields
{
    /// <summary>Refuses a request that has one of them twice: two readers could take another one each.</summary>
    /// <exception cref="InvalidRequestException">A field is there twice; the message names it.</exception>
    public static void EnsureOnce(HeaderList headers)
    {
        var seen = 0;
        foreach (ref readonly var field in headers.AsSpan())
        {
            var bit = BitOf(field.Name);
            if ((seen & bit) != 0)
                throw new InvalidRequestException($"the field {field.Name} is given twice, but must be given once");
            seen |= bit;
        }
    }

    private static int BitOf(string name) => name switch
    {
        "op" => 1,
        "method" => 1 << 1,
        "path" => 1 << 2,
        "content-type" => 1 << 3,
        "deadline-ms" => 1 << 4,
        "max-wait-ms" => 1 << 5,
        QueueEvents.Field => 1 << 6,
        "node" => 1 << 7,
        WireGenerations.Id => 1 << 8,
        WireGenerations.Offset => 1 << 9,
        SessionFields.Session => 1 << 10,
        SessionFields.Version => 1 << 11,
        "request-id" => 1 << 12,
        "traceparent" => 1 << 13,
        "tracestate" => 1 << 14,
        _ => 0,
    };
}
