using System.Buffers;

namespace Chasqui.Engines.Http;

/// <summary>A node's answer that came packed although nothing was said of packing to the node: the client gets it unpacked, and it can be read in passing. For one reader.</summary>
public sealed class UnpackedAnswer : IPassageAnswer
{
    private const int BufferSize = 16 << 10;

    private readonly IPassageAnswer _packed;
    private readonly Stream _body;
    private byte[]? _buffer;

    private UnpackedAnswer(IPassageAnswer packed, IReadOnlyList<string> codings, string node)
    {
        _packed = packed;
        _body = ContentCodings.Unpack(
            new AnswerStream(packed), codings, long.MaxValue,
            why => new EngineFailedException($"node {node} sent a body that is not what its Content-Encoding says: {why}"),
            static () => throw new InvalidOperationException());
        Headers = [.. packed.Headers.Where(header => !IsCoding(header.Key))];
    }

    /// <inheritdoc/>
    public int Status => _packed.Status;

    /// <inheritdoc/>
    public long? ContentLength => null;

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; }

    /// <summary>The answer, unpacked if it is packed.</summary>
    /// <param name="answer">The node's answer; disposed with the one that is returned.</param>
    /// <param name="node">The node's name, for errors.</param>
    /// <exception cref="EngineFailedException">It is packed in a way that is not known here; then it was disposed of.</exception>
    public static ValueTask<IPassageAnswer> OfAsync(IPassageAnswer answer, string node)
    {
        ArgumentNullException.ThrowIfNull(answer);
        foreach (var (name, _) in answer.Headers)
        {
            if (IsCoding(name))
                return UnpackAsync(answer, node);
        }
        return ValueTask.FromResult(answer);
    }

    /// <inheritdoc/>
    public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(CancellationToken cancellationToken)
    {
        _buffer ??= ArrayPool<byte>.Shared.Rent(BufferSize);
        var read = await _body.ReadAsync(_buffer, cancellationToken).ConfigureAwait(false);
        return _buffer.AsMemory(0, read);
    }

    /// <inheritdoc/>
    public void Distrust() => _packed.Distrust();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_buffer is not null)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = null;
        await _body.DisposeAsync().ConfigureAwait(false);
        await _packed.DisposeAsync().ConfigureAwait(false);
    }

    private static async ValueTask<IPassageAnswer> UnpackAsync(IPassageAnswer answer, string node)
    {
        if (ContentCodings.TryRead(answer.Headers.Where(header => IsCoding(header.Key)).Select(header => header.Value), out var codings, out var unknown))
            return codings.Count == 0 ? answer : new UnpackedAnswer(answer, codings, node);
        await answer.DisposeAsync().ConfigureAwait(false);
        throw new EngineFailedException($"node {node} sent its answer with Content-Encoding '{unknown}', which is not known here and was not asked for; known are {ContentCodings.Accepted}");
    }

    private static bool IsCoding(string header) => header.Equals("Content-Encoding", StringComparison.OrdinalIgnoreCase);
}
