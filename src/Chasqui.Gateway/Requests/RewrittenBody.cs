using System.Buffers;
using Chasqui.Gateway.Policies;

namespace Chasqui.Gateway.Requests;

/// <summary>A body to send on. To be disposed, and its bytes not used after that.</summary>
public readonly struct RewrittenBody : IDisposable
{
    /// <summary>Beyond this length no buffer is kept for others.</summary>
    internal const int Pooled = 64 * 1024;

    private readonly byte[]? _rented;

    internal RewrittenBody(ReadOnlyMemory<byte> body, byte[]? rented, IReadOnlyList<OptionChange> changes)
    {
        Body = body;
        _rented = rented;
        Changes = changes;
    }

    /// <summary>The bytes; those of the client's body where nothing was changed.</summary>
    public ReadOnlyMemory<byte> Body { get; }

    /// <summary>What was made of the client's options, at most one change for each.</summary>
    public IReadOnlyList<OptionChange> Changes { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_rented is { Length: <= Pooled })
            ArrayPool<byte>.Shared.Return(_rented);
    }
}
