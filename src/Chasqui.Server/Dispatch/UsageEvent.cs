namespace Chasqui.Server;

/// <summary>The count of tokens in a stream of OpenAI's that the gateway asked for and its client did not.</summary>
internal static class UsageEvent
{
    private static ReadOnlySpan<byte> Nothing => ",\"usage\":null"u8;

    /// <summary>Whether an event counts tokens and does nothing else, so that the client is not told of it.</summary>
    /// <param name="json">Its data.</param>
    public static bool IsAlone(ReadOnlySpan<byte> json) => After(json, "\"choices\""u8) is [(byte)'[', .. var choices] && choices.TrimStart(" \t\r\n"u8) is [(byte)']', ..]
        && After(json, "\"usage\""u8) is [(byte)'{', ..];

    /// <summary>Where an event says that it counts nothing, as it does where counts are asked for.</summary>
    /// <param name="frame">The whole event.</param>
    /// <returns>The bytes to leave out; none where it says nothing of it at its end, which is where servers say it.</returns>
    public static Range NothingIn(ReadOnlySpan<byte> frame)
    {
        var json = frame.TrimEnd("\r\n"u8);
        var end = json.Length - 1;
        return end >= Nothing.Length && json[end] == (byte)'}' && json[..end].EndsWith(Nothing) ? (end - Nothing.Length)..end : 0..0;
    }

    /// <summary>What follows a name and its colon; empty where there is none. Within a text its quotes would be escaped.</summary>
    private static ReadOnlySpan<byte> After(ReadOnlySpan<byte> json, ReadOnlySpan<byte> name)
    {
        while (json.IndexOf(name) is >= 0 and var at)
        {
            json = json[(at + name.Length)..].TrimStart(" \t\r\n"u8);
            if (json is [(byte)':', .. var value])
                return value.TrimStart(" \t\r\n"u8);
        }
        return default;
    }
}
