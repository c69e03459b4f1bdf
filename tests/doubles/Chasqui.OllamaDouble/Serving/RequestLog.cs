using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Chasqui.OllamaDouble;

/// <summary>Counts by path, and the latest requests in full.</summary>
internal sealed class RequestLog
{
    private const int MostPaths = 100;

    private readonly ConcurrentDictionary<string, StrongBox<long>> _paths = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly Queue<RecordedRequest> _latest = new();
    private long _number;

    public void Count(string route)
    {
        if (!_paths.TryGetValue(route, out var count))
            count = _paths.GetOrAdd(_paths.Count < MostPaths ? route : "other", _ => new StrongBox<long>());
        Interlocked.Increment(ref count.Value);
    }

    public void Add(HttpRequest request, ReadOnlySpan<byte> body, int most)
    {
        var number = Interlocked.Increment(ref _number);
        if (most == 0)
            return;
        var headers = new List<KeyValuePair<string, string>>(request.Headers.Count);
        foreach (var header in request.Headers)
            headers.Add(new(header.Key, header.Value.ToString()));
        var recorded = new RecordedRequest(number, request.Method, request.Path.Value ?? "", request.QueryString.Value ?? "", headers, Encoding.UTF8.GetString(body));
        lock (_gate)
        {
            while (_latest.Count >= most)
                _latest.Dequeue();
            _latest.Enqueue(recorded);
        }
    }

    public IReadOnlyList<RecordedRequest> Latest()
    {
        lock (_gate)
            return [.. _latest];
    }

    public Dictionary<string, long> Paths() => _paths.ToDictionary(path => path.Key, path => path.Value.Value, StringComparer.Ordinal);

    public void Reset()
    {
        _paths.Clear();
        lock (_gate)
            _latest.Clear();
    }
}
