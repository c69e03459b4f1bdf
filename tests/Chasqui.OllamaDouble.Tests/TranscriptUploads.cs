namespace Chasqui.Server.Tests;

/// <summary>The recordings as they are: the double keeps digests, and has no use for the files behind them.</summary>
internal static class TranscriptUploads
{
    public static string Rename(string text) => text;

    public static byte[] Bytes(string file) => throw new InvalidOperationException($"{file} is not part of the recordings");
}
