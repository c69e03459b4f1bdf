using System.Text.Json;
using Chasqui.Engines;
using Chasqui.Engines.Models;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>POST /api/copy</c>: a second name for a model.</summary>
internal static class CopyEndpoint
{
    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        string source = "", destination = "";
        using (var body = await api.ReadBodyAsync(http).ConfigureAwait(false))
            Read(body.Root, ref source, ref destination);
        RequestState.Of(http).Model = source;
        Check("source", source);
        Check("destination", destination);
        await ManagerOf.Request(api, http).CopyAsync(source, destination, http.RequestAborted).ConfigureAwait(false);
        http.Response.ContentLength = 0;
    }

    private static void Read(JsonElement root, ref string source, ref string destination)
    {
        foreach (var member in Field.Root(root))
        {
            switch (member.Name.ToLowerInvariant())
            {
                case "source":
                    Field.Read("source", member.Value, ref source);
                    break;
                case "destination":
                    Field.Read("destination", member.Value, ref destination);
                    break;
            }
        }
    }

    private static void Check(string field, string name)
    {
        if (!ModelName.TryParse(name, out _))
            throw new InvalidRequestException($"{field} {GoQuote.Quote(name.Length <= 200 ? name : name[..200] + "…")} is invalid");
    }
}
