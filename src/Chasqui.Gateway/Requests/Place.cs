namespace Chasqui.Gateway.Requests;

/// <summary>Members that may be rewritten.</summary>
internal enum Rewritable
{
    Model,
    NumCtx,
    NumBatch,
    KeepAlive,
    StreamOptions,
}

/// <summary>Where a member stands in a body.</summary>
/// <param name="Member">Which it is.</param>
/// <param name="Start">The quote before its name.</param>
/// <param name="ValueStart">The first byte of its value.</param>
/// <param name="ValueEnd">The byte after its value.</param>
internal readonly record struct Place(Rewritable Member, int Start, int ValueStart, int ValueEnd);
