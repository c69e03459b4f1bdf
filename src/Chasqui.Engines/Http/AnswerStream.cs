namespace Chasqui.Engines.Http;

/// <summary>The body of a node's answer as a stream that is read forward, asynchronously. For one reader; the answer is not disposed with it.</summary>
/// <param name="answer">What is read.</param>
internal sealed class AnswerStream(IPassageAnswer answer) : ReadStream
{
    private ReadOnlyMemory<byte> _part;
    private bool _ended;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_part.IsEmpty && !_ended)
        {
            _part = await answer.ReadAsync(cancellationToken).ConfigureAwait(false);
            _ended = _part.IsEmpty;
        }
        var bytes = Math.Min(buffer.Length, _part.Length);
        _part[..bytes].CopyTo(buffer);
        _part = _part[bytes..];
        return bytes;
    }
}
