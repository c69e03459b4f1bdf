using System.Text.Json;
using Chasqui.Engines.Models;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>POST /api/pull</c> and <c>POST /api/push</c>: models from and to their registry.</summary>
internal static class TransferEndpoints
{
    public static async Task PullAsync(ApiContext api, HttpContext http)
    {
        var fields = await ReadAsync(api, http).ConfigureAwait(false);
        if (!ModelName.TryParse(fields.Model, out _))
            throw new InvalidModelNameException(fields.Model);
        var progress = ManagerOf.Request(api, http).PullAsync(fields.ToRequest(), http.RequestAborted);
        await ProgressAnswer.SendAsync(http, progress, fields.Stream).ConfigureAwait(false);
    }

    public static async Task PushAsync(ApiContext api, HttpContext http)
    {
        var fields = await ReadAsync(api, http).ConfigureAwait(false);
        if (fields.Model.Length == 0)
            throw new InvalidRequestException("model is required");
        if (!ModelName.TryParse(fields.Model, out _))
            throw new InvalidModelNameException(fields.Model);
        var progress = ManagerOf.Request(api, http).PushAsync(fields.ToRequest(), http.RequestAborted);
        await ProgressAnswer.SendAsync(http, progress, fields.Stream).ConfigureAwait(false);
    }

    private static async Task<TransferFields> ReadAsync(ApiContext api, HttpContext http)
    {
        var fields = new TransferFields();
        using (var body = await api.ReadBodyAsync(http).ConfigureAwait(false))
            fields.Read(body.Root);
        RequestState.Of(http).Model = fields.Model;
        return fields;
    }
}

/// <summary>A request that names a model, as read; of a transfer, also how.</summary>
internal sealed class TransferFields
{
    private string _model = "";
    private string _name = "";
    private bool _insecure;
    private bool _stream = true;

    /// <summary>From <c>model</c>, else from the older <c>name</c>.</summary>
    public string Model => _model.Length > 0 ? _model : _name;

    public bool Stream => _stream;

    public TransferRequest ToRequest() => new() { Model = Model, Insecure = _insecure };

    public void Read(JsonElement root)
    {
        foreach (var member in Field.Root(root))
        {
            var name = member.Name.ToLowerInvariant();
            switch (name)
            {
                case "model":
                    Field.Read(name, member.Value, ref _model);
                    break;
                case "name":
                    Field.Read(name, member.Value, ref _name);
                    break;
                case "insecure":
                    Field.Read(name, member.Value, ref _insecure);
                    break;
                case "stream":
                    Field.Read(name, member.Value, ref _stream);
                    break;
            }
        }
    }
}
