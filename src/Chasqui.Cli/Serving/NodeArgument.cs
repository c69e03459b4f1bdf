namespace Chasqui.Cli;

/// <summary>The value of <c>--node</c>.</summary>
internal static class NodeArgument
{
    /// <summary>Parts <c>[NAME=]URL</c>. A name holds no <c>:</c> and no <c>/</c>, so an equals sign behind one of them is the URL's.</summary>
    public static (string? Name, string Url) Split(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 || text.AsSpan(0, equals).IndexOfAny(':', '/') >= 0 ? (null, text) : (text[..equals], text[(equals + 1)..]);
    }
}
