using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>What of a request was passed over, since it cannot change the answer: told by name in a header. Not thread-safe.</summary>
internal sealed class PassedOver
{
    private const int Most = 16;

    private readonly List<string> _names = [];

    /// <summary>Adds a name, such as <c>tools.web_search</c>; beyond 16 none is added.</summary>
    public void Add(string name)
    {
        if (_names.Count < Most && !_names.Contains(name))
            _names.Add(name);
    }

    /// <summary>Tells them, if there are any.</summary>
    public void Tell(HttpContext http)
    {
        if (_names.Count > 0)
            http.Response.Headers[PassedOverHeader.Name] = string.Join(", ", _names.Select(PassedOverHeader.Printable));
    }
}
